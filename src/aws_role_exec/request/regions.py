"""The regions by name and place: for completion, and to name the one that was meant.

Never to say that there is no other: AWS opens one or two a year.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PLACES: Mapping[str, str] = {
    "af-south-1": "Cape Town",
    "ap-east-1": "Hong Kong",
    "ap-east-2": "Taipei",
    "ap-northeast-1": "Tokyo",
    "ap-northeast-2": "Seoul",
    "ap-northeast-3": "Osaka",
    "ap-south-1": "Mumbai",
    "ap-south-2": "Hyderabad",
    "ap-southeast-1": "Singapore",
    "ap-southeast-2": "Sydney",
    "ap-southeast-3": "Jakarta",
    "ap-southeast-4": "Melbourne",
    "ap-southeast-5": "Malaysia",
    "ap-southeast-6": "New Zealand",
    "ap-southeast-7": "Thailand",
    "ca-central-1": "Canada",
    "ca-west-1": "Calgary",
    "cn-north-1": "Beijing",
    "cn-northwest-1": "Ningxia",
    "eu-central-1": "Frankfurt",
    "eu-central-2": "Zurich",
    "eu-isoe-west-1": "EU ISOE West",
    "eu-north-1": "Stockholm",
    "eu-south-1": "Milan",
    "eu-south-2": "Spain",
    "eu-west-1": "Ireland",
    "eu-west-2": "London",
    "eu-west-3": "Paris",
    "eusc-de-east-1": "Germany",
    "il-central-1": "Tel Aviv",
    "me-central-1": "UAE",
    "me-south-1": "Bahrain",
    "me-west-1": "Saudi Arabia",
    "mx-central-1": "Mexico",
    "sa-east-1": "Sao Paulo",
    "sa-west-1": "Chile",
    "us-east-1": "Virginia",
    "us-east-2": "Ohio",
    "us-gov-east-1": "GovCloud US-East",
    "us-gov-west-1": "GovCloud US-West",
    "us-iso-east-1": "US ISO East",
    "us-iso-west-1": "US ISO West",
    "us-isob-east-1": "US ISOB East",
    "us-isob-west-1": "US ISOB West",
    "us-isof-east-1": "US ISOF East",
    "us-isof-south-1": "US ISOF South",
    "us-west-1": "California",
    "us-west-2": "Oregon",
}
"""AWS General Reference, "Regions and Zones"; a test holds the names against botocore's."""

_FIRST = "us-east-1"  # where a word is like no region's, as `None` is
_LIKENESS = 0.6  # of difflib, 0 to 1


def nearest(text: str) -> str:
    """Return the region that somebody who wrote this most likely meant.

    >>> nearest("US_EAST_1"), nearest("eu-west-1b"), nearest("Frankfurt")
    ('us-east-1', 'eu-west-1', 'eu-central-1')
    """
    import difflib  # only for an error
    import unicodedata

    plain = "".join(c for c in unicodedata.normalize("NFD", text[:80]) if c.isascii()).casefold()
    words = "-".join(plain.replace("_", " ").replace("-", " ").split())
    if not words:
        return _FIRST
    zones = [name for name in PLACES if words.startswith(name)]
    if zones:
        return max(zones, key=len)
    begun = [name for name in PLACES if name.startswith(words)]
    if begun:
        return min(begun)
    spelled = {place.casefold().replace(" ", "-"): name for name, place in PLACES.items()}
    for place, name in spelled.items():
        if place in words:
            return name
    candidates = dict(spelled)
    for name in PLACES:
        candidates[name] = candidates[name.replace("-", "")] = name
    found = difflib.get_close_matches(words, candidates, n=1, cutoff=_LIKENESS)
    return candidates[found[0]] if found else _FIRST
