"""The setting ``country`` of steps."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

_ISO_3166_1 = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT "
    "BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH "
    "ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT "
    "HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS "
    "LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI "
    "NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG "
    "SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG "
    "UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW "
)
CODES = frozenset(_ISO_3166_1.split()) | {"XK"}
"""The 249 codes that are assigned, and the one that is used for Kosovo."""

HINT = 'an ISO 3166-1 code, such as "GB"'
_INSTEAD = {"UK": "GB", "EL": "GR"}


def _capitals(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _known(value: str) -> str:
    if value not in CODES:
        instead = f'; write "{_INSTEAD[value]}"' if value in _INSTEAD else ', such as "GB"'
        raise ValueError(f'found "{value}", expected an ISO 3166-1 code{instead}')
    return value


Country = Annotated[
    str,
    BeforeValidator(_capitals),
    AfterValidator(_known),
    Field(json_schema_extra={"pattern": "^[A-Z]{2}$"}),
]
"""An ISO 3166-1 code of two letters, in any case."""
