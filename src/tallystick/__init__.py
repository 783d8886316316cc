"""tallystick: data linkage of records about the same people in different files.

Names are imported when they are first used, so that ``import tallystick`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "tallystick.linkage.linkage": ("Linkage",),
    "tallystick.linkage.model": ("Model", "ComparedRecords"),
    "tallystick.linkage.links": ("Links",),
    "tallystick.linkage.household_links": ("HouseholdLinks",),
    "tallystick.linkage.household_model": ("HouseholdModel",),
    "tallystick.linkage.saved": ("load_model",),
    "tallystick.linkage.sequential_links": ("SequentialLinks",),
    "tallystick.linkage.sequential_model": ("SequentialModel",),
    "tallystick.linkage.gold": ("GoldSample",),
    "tallystick.linkage.audits.audit": ("AuditDesign", "design_audit", "draw_audit", "estimate_audit"),
    "tallystick.linkage.matches": ("Matches",),
    "tallystick.linkage.analyses.analyse": ("analyse",),
    "tallystick.linkage.analyses.bootstrap": ("bootstrap_links",),
    "tallystick.linkage.analyses.candidate_pairs": ("candidate_pairs",),
    "tallystick.linkage.analyses.linked_file": ("linked_file",),
    "tallystick.linkage.analyses.settings": ("Analysis",),
    "tallystick.spec": ("Spec", "dump_spec", "json_schema", "load_spec"),
    "tallystick.preparation.source": ("Source",),
    "tallystick.preparation.profile.profile": ("profile", "profile_files"),
    "tallystick.preparation.profile.model": ("Profile",),
    "tallystick.preparation.settings": ("Preparation", "PreparedField"),
    "tallystick.preparation.prepare": ("prepare_table",),
    "tallystick.preparation.prepared": ("PreparedTable",),
    "tallystick.preparation.edits": ("Edit",),
    "tallystick.preparation.duplicates": ("DuplicateRule",),
    "tallystick.preparation.harmonise": ("Harmonise",),
    "tallystick.preparation.reference": ("Reference",),
    "tallystick.preparation.normalise": ("FieldSettings", "Normalise"),
    "tallystick.preparation.read": ("read_source", "read_columns"),
    "tallystick.preparation.write": ("write_table",),
    "tallystick.records.records": ("Records",),
    "tallystick.records.encode": ("encode",),
    "tallystick.comparisons.comparison": ("Comparison", "comparison"),
    "tallystick.comparisons.plan": ("compare",),
    "tallystick.comparisons.equality": ("exact", "initial"),
    "tallystick.comparisons.strings": ("jaro", "jaro_winkler", "levenshtein", "damerau_levenshtein"),
    "tallystick.comparisons.overlaps": ("bigram_dice", "bigram_jaccard", "token_set"),
    "tallystick.comparisons.numbers": ("absolute_difference", "relative_difference", "year_proximity"),
    "tallystick.comparisons.dates": ("days_between", "date_parts"),
    "tallystick.comparisons.places": ("distance_km",),
    "tallystick._nicknames": ("NICKNAME_CULTURES",),
    "tallystick.comparisons.phonetic": ("phonetic",),
    "tallystick.comparisons.forenames": ("forename",),
    "tallystick.comparisons.sets": ("any_of",),
    "tallystick.comparisons.functions": ("function",),
    "tallystick.comparisons.conditions": ("agrees", "levels"),
    "tallystick.comparisons.swapped": ("names",),
    "tallystick.blocking.passes": (
        "all_pairs",
        "blocking_key",
        "cologne",
        "daitch_mokotoff",
        "double_metaphone",
        "pair_table",
        "each",
        "first",
        "last",
        "match_rating",
        "metaphone",
        "nysiis",
        "soundex",
        "year",
    ),
    "tallystick.blocking.index_builders": (
        "canopy",
        "condition",
        "minhash",
        "qgram_index",
        "sorted_neighbourhood",
    ),
    "tallystick.blocking.filters": ("difference", "reachable"),
    "tallystick.blocking.block": ("block",),
    "tallystick.blocking.plan": ("plan_blocking",),
    "tallystick.patterns.plan": ("plan_pairs",),
    "tallystick.patterns.count": ("count_patterns",),
    "tallystick.estimation.estimate": ("estimate",),
    "tallystick.estimation.settings": ("Deterministic", "Estimation", "Previous", "StatedMatches"),
    "tallystick.linking.decision": ("Decision",),
    "tallystick.linking.step": ("Step", "step"),
    "tallystick.linking.match_settings": ("Match", "match_key", "nickname"),
    "tallystick.linking.deterministic": ("match",),
    "tallystick.linking.entities": ("Entities", "Golden", "GoldenRule"),
    "tallystick.linking.households": ("Households",),
    "tallystick.linking.rules": ("Capacity", "Costs", "ErrorBounds", "Targets"),
    "tallystick.linking.score": ("score",),
    "tallystick.linking.decide": ("decide",),
    "tallystick.linking.assign": ("assign",),
    "tallystick.linking.bipartite": ("bipartite_posterior", "no_link_constant"),
    "tallystick.linking.cluster": ("connected_components",),
    "tallystick.linking.clustering": ("cluster",),
    "tallystick.quality.rates": ("Rates", "true_rates"),
    "tallystick.errors": ("InputError", "RunError", "SpecError", "TallystickError", "TallystickWarning"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'tallystick' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


if TYPE_CHECKING:
    from tallystick.linkage.analyses.analyse import analyse as analyse
    from tallystick.linkage.analyses.bootstrap import bootstrap_links as bootstrap_links
    from tallystick.linkage.analyses.candidate_pairs import candidate_pairs as candidate_pairs
    from tallystick.linkage.analyses.linked_file import linked_file as linked_file
    from tallystick.linkage.analyses.settings import Analysis as Analysis
    from tallystick.linkage.linkage import Linkage as Linkage
