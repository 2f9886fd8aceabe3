"""What Facebook and Instagram share: Meta's Graph API and Facebook Login."""

# https://developers.facebook.com/docs/graph-api/changelog, 2026-11-27: v27.0 is of 2026-11-04.
VERSION = "v27.0"
