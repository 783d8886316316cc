"""What a reader has to know before using the links: all warnings, and whether EM ended well."""

from __future__ import annotations

from tallystick.blocking.sizes import Block
from tallystick.quality.diagnostics import em_sentence, parameter_warnings
from tallystick.quality.report.figures import Content, Figures


def checks(figures: Figures) -> Content:
    """The warnings of a run, each once, and what there is to say of EM where that is no warning."""
    converged, em = em_sentence(figures.model.get("em"))
    comparisons = figures.model.get("comparisons") or []
    found = [] if converged else [em]
    found += figures.notes
    found += figures.model.get("warnings") or []
    found += _duplicates(figures)
    found += _blocks(figures)
    found += [text for comparison in comparisons for text in parameter_warnings(comparison)]
    return {
        "warnings": list(dict.fromkeys(found)),
        "em": em if converged else None,
        "comparisons": len(comparisons),
    }


def _duplicates(figures: Figures) -> list[str]:
    """A sentence for each source that is declared to be without duplicates and has equal records."""
    counts = figures.counts
    return [
        f"Source {name} is declared duplicate_free, but {n:,} of its {counts['records'][name]:,} records are "
        "equal to another one in every field that the linkage uses: duplicates.parquet has them."
        for name, n in (counts.get("duplicates") or {}).items()
        if n
    ]


def _blocks(figures: Figures) -> list[str]:
    """A sentence for each pass with a large block; the key is named only where values are shown."""
    return [
        Block(**block).sentence(item["name"], figures.show_values)
        for item in figures.counts.get("passes") or ()
        if (block := item.get("largest_block")) and block["large"]
    ]
