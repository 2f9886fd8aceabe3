"""What Facebook and Instagram share: Meta's Graph API and Facebook Login."""

VERSION = "v25.0"
