SHOWN = {}
CASES = {}
