"""The errors of insights themselves."""

from socialpublishing.errors import SocialPublishingBaseError


class InsightsNotAvailableError(SocialPublishingBaseError):
    """There is too little data. The message gives the reason."""

    code = "insights_not_available"
