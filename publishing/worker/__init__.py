"""The process that claims due jobs, runs their HTTP and stores the outcomes; its supervisor."""
