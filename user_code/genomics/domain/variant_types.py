"""What kind of change an alternate allele is."""

_PURINES, _PYRIMIDINES = frozenset("AG"), frozenset("CT")


def variant_type(ref: str, alt: str) -> str:
    """snp, mnp, insertion, deletion, complex, star (*), symbolic (<DEL>, breakends), ref (.).

    An allele in which the shorter sequence begins the longer is an insertion or deletion; of
    unequal length otherwise it is complex, as are sequences of the same length that are equal.
    """
    if alt == ".":
        return "ref"
    if alt == "*":
        return "star"
    if "<" in alt or "[" in alt or "]" in alt or "." in alt:
        return "symbolic"
    if len(ref) == len(alt):
        return "snp" if sum(a != b for a, b in zip(ref, alt, strict=True)) == 1 else "mnp"
    if len(alt) > len(ref):
        return "insertion" if _wraps(alt, ref) else "complex"
    return "deletion" if _wraps(ref, alt) else "complex"


def is_transition(ref: str, alt: str) -> bool | None:
    """Whether a single-base change stays within purines or pyrimidines; None for all others."""
    if variant_type(ref, alt) != "snp":
        return None
    old, new = next((a, b) for a, b in zip(ref.upper(), alt.upper(), strict=True) if a != b)
    pair = {old, new}
    return pair in (_PURINES, _PYRIMIDINES)


def _wraps(longer: str, shorter: str) -> bool:
    """Whether the shorter sequence is what the longer begins and ends with, cut once."""
    common = 0
    while common < len(shorter) and longer[common] == shorter[common]:
        common += 1
    return longer.endswith(shorter[common:])
