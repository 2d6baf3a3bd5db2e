"""Compiled: reads rows of a VCF as bytes and counts everything in them, by variant and by sample.

It knows the usual: GT first, whole numbers in DP, GQ and AD, one or two alleles a genotype. At
anything else it stops with UNUSUAL, faulty rows among that; the general reader then takes the
whole call set and has the last word. Definitions are those of allele_counts, high_quality,
sample_tally and homozygosity, whose results the tests compare with these.

All of it is in one file, longer than others: numba compiles anew what changed in a file, and keeps
what it compiled of a file that calls one that changed.
"""

import numpy as np
from numba import njit

DONE, UNUSUAL, NEW_FORMAT, FULL = 0, 1, 2, 3
# What a FORMAT field is to the kernel.
GT, DP, GQ, AD, INTEGERS, FLOATS, TEXT = range(7)
# Columns of `records`, `variants` (integers), rows of `samples` (integers) and `expected`.
(POS, QUAL_SLOW, N_ALTS, HEAD, FILTER, CHROM_ENDS, NEW_CHROM) = range(7)
(RECORD, KIND, TRANSITION, AC, AN, MISSING, HOM_REF, HET, HOM_ALT, HEMI, DIPLOID_REF, DIPLOID_HET,
 DIPLOID_ALT, CARRIERS, GQ_OF_CARRIERS, GQ_CARRIERS, AC_ADJ, AN_ADJ, HET_ADJ, HOM_ALT_ADJ, DP_SUM,
 DP_GIVEN, GQ_SUM, GQ_GIVEN) = range(24)  # fmt: skip
N_VARIANT_COLUMNS = 24
(S_MISSING, S_HET, S_HOM_ALT, S_HEMI, S_OTHER, S_TI, S_TV, S_INS, S_DEL, S_SINGLETON, S_DP,
 S_DP_MISSING, S_GQ, S_GQ_MISSING, S_UNCOUNTED, S_HETS, S_X_UNCOUNTED, S_X_HETS, S_X_HAPLOID,
 S_X_CALLED_LESS) = range(20)  # fmt: skip
N_SAMPLE_ROWS = 20
(T_SITES, T_X_SITES, T_X_VARIANTS) = range(3)
KINDS = ("ref", "star", "symbolic", "snp", "mnp", "insertion", "deletion", "complex")
_REF, _STAR, _SYMBOLIC, _SNP, _MNP, _INSERTION, _DELETION, _COMPLEX = range(8)
_TAB, _NEWLINE, _COLON, _COMMA, _DOT, _SLASH, _BAR, _MINUS = 9, 10, 58, 44, 46, 47, 124, 45
_MOST_DIGITS = 7  # single precision holds whole numbers of seven digits exactly
_MOST_ALTS = 99


@njit(inline="always")
def _upper(c):
    return c - 32 if 97 <= c <= 122 else c


@njit(cache=True, nogil=True)
def _kind(text, ref, ref_end, alt, alt_end):
    """Kind and transition (1, 0; −1: not a snp) of a change; as variant_types."""
    n_ref, n_alt = ref_end - ref, alt_end - alt
    if n_alt == 1 and text[alt] == _DOT:
        return _REF, -1
    if n_alt == 1 and text[alt] == 42:
        return _STAR, -1
    for at in range(alt, alt_end):
        c = text[at]
        if c == 60 or c == 91 or c == 93 or c == _DOT:
            return _SYMBOLIC, -1
    if n_ref == n_alt:
        differ, old, new = 0, 0, 0
        for step in range(n_ref):
            if text[ref + step] != text[alt + step]:
                differ += 1
                if differ == 1:
                    old, new = text[ref + step], text[alt + step]
        if differ != 1:
            return _MNP, -1
        # The first place that differs in upper case, too; a mere change of case has none.
        old, new = _upper(old), _upper(new)
        if old == new:
            return -1, -1
        purines = (old == 65 or old == 71) and (new == 65 or new == 71)
        pyrimidines = (old == 67 or old == 84) and (new == 67 or new == 84)
        return _SNP, 1 if purines or pyrimidines else 0
    longer, n_longer, shorter, n_shorter = ref, n_ref, alt, n_alt
    if n_alt > n_ref:
        longer, n_longer, shorter, n_shorter = alt, n_alt, ref, n_ref
    common = 0
    while common < n_shorter and text[longer + common] == text[shorter + common]:
        common += 1
    for step in range(n_shorter - common):
        if text[longer + n_longer - 1 - step] != text[shorter + n_shorter - 1 - step]:
            return _COMPLEX, -1
    return _INSERTION if n_alt > n_ref else _DELETION, -1


@njit(inline="always")
def _contig_class(text, start, end):
    """0 autosome, 1 X, 2 none of both; the name without chr, in any case."""
    if end - start > 3 and text[start] == 99 and text[start + 1] == 104 and text[start + 2] == 114:
        start += 3
    first = _upper(text[start])
    if end - start == 1:
        if first == 88:
            return 1
        return 2 if first == 89 or first == 77 else 0
    return 2 if end - start == 2 and first == 77 and _upper(text[start + 1]) == 84 else 0


@njit(inline="always")
def _value_of_ad(text, at, which):
    """The value number `which` of AD at `at`; −1 where it is missing or not there."""
    while which > 0:
        c = text[at]
        if c == _COMMA:
            which -= 1
        elif c == _COLON or c == _TAB or c == _NEWLINE:
            return -1
        at += 1
    if text[at] == _DOT:
        return -1
    value = 0
    while 48 <= text[at] <= 57:
        value = 10 * value + (text[at] - 48)
        at += 1
    return value


@njit(cache=True, nogil=True)
def _skip_values(text, at, role):
    """The end of a field of a list of numbers or of text; −1 where it is not what it should be."""
    if role == TEXT:
        start = at
        while text[at] != _COLON and text[at] != _TAB and text[at] != _NEWLINE:
            if text[at] < 32 or text[at] > 126:
                return -1
            at += 1
        return at if at > start else -1
    while True:
        if text[at] == _DOT and (
            text[at + 1] == _COMMA
            or text[at + 1] == _COLON
            or text[at + 1] == _TAB
            or text[at + 1] == _NEWLINE
        ):
            at += 1
        else:
            if text[at] == _MINUS and role != AD:
                at += 1
            digits, point = 0, False
            while 48 <= text[at] <= 57 or (text[at] == _DOT and role == FLOATS and not point):
                if text[at] == _DOT:
                    point = True
                else:
                    digits += 1
                at += 1
            if digits == 0 or digits > (18 if role == FLOATS else _MOST_DIGITS):
                return -1
        if text[at] != _COMMA:
            break
        at += 1
    if text[at] == _COLON or text[at] == _TAB or text[at] == _NEWLINE:
        return at
    return -1


@njit(cache=True, nogil=True)
def _usual_info(text, at, end, no_alt):
    """Whether INFO is a dot or a list of keys, with values or without; htslib refuses others.

    Without an alternate allele END is a gVCF's.
    """
    if end - at == 1 and text[at] == _DOT:
        return True
    start = True
    key = True
    for p in range(at, end):
        c = text[p]
        letter = 65 <= c <= 90 or 97 <= c <= 122 or c == 95
        if start:
            if not letter:
                return False
            ends = c == 69 and text[p + 1] == 78 and text[p + 2] == 68 and text[p + 3] == 61
            if no_alt and ends:
                return False
            start = False
        elif c == 59:
            start, key = True, True
        elif c == 61:
            key = False
        elif key and not (letter or 48 <= c <= 57 or c == _DOT):
            return False
    return not start


@njit(cache=True, nogil=True)
def scan_rows(
    text, at, end, n_samples, formats, format_starts, roles, adj, adj_fields, par,
    records, quals, variants, samples, expected, totals, expected_totals, copies, n_records,
    n_variants, events, last,
):  # fmt: skip
    """Count the whole rows in text[at:end], which ends in a line end; eight more bytes follow it.

    `last` is (start, end) of the contig's name of the row before within `text`, and its position.
    Returns (status, where it stopped, records, variants); what it counted before stays.
    """
    n_formats = len(format_starts) - 1
    has_gq, has_dp, has_ad = adj_fields[0], adj_fields[1], adj_fields[2]
    min_gq, min_dp, min_dp_haploid, min_balance = adj[0], adj[1], adj[2], adj[3]
    want_copies = copies.shape[1] == n_samples
    starts = np.zeros(10, np.int64)
    alt_starts = np.zeros(_MOST_ALTS + 2, np.int64)
    sample_of, one, two, depth_of, quality_of, ad_of, enough_of = (
        events[0], events[1], events[2], events[3], events[4], events[5], events[6],
    )  # fmt: skip
    known = 0
    while at < end:
        row_start = at
        if n_records >= len(records):
            return FULL, row_start, n_records, n_variants
        # The nine fixed columns.
        starts[0] = at
        for column in range(1, 10):
            while text[at] != _TAB:
                c = text[at]
                if c < 32 or (c > 126 and column != 8):
                    return UNUSUAL, row_start, n_records, n_variants
                at += 1
            at += 1
            starts[column] = at
            if starts[column] - starts[column - 1] < 2:
                return UNUSUAL, row_start, n_records, n_variants
        no_alt = text[starts[4]] == _DOT and starts[5] - starts[4] == 2
        if not _usual_info(text, starts[7], starts[8] - 1, no_alt):
            return UNUSUAL, row_start, n_records, n_variants
        if text[row_start] == 35 or at > end:
            return UNUSUAL, row_start, n_records, n_variants
        chrom_end = starts[1] - 1
        pos = 0
        if starts[2] - starts[1] > 11:
            return UNUSUAL, row_start, n_records, n_variants
        for p in range(starts[1], starts[2] - 1):
            digit = text[p] - 48
            if digit < 0 or digit > 9:
                return UNUSUAL, row_start, n_records, n_variants
            pos = 10 * pos + digit
        if pos == 0 or pos > 2147483647:
            return UNUSUAL, row_start, n_records, n_variants
        new_chrom = last[1] - last[0] != chrom_end - row_start
        if not new_chrom:
            for p in range(chrom_end - row_start):
                if text[last[0] + p] != text[row_start + p]:
                    new_chrom = True
        if not new_chrom and pos < last[2]:
            return UNUSUAL, row_start, n_records, n_variants
        # QUAL: digits with or without a fraction here, anything else in Python.
        qual, scale, digits, slow, point = 0, 1.0, 0, 0, False
        if text[starts[5]] == _DOT and starts[6] - starts[5] == 2:
            quals[n_records] = np.nan
        else:
            for p in range(starts[5], starts[6] - 1):
                c = text[p]
                if 48 <= c <= 57:
                    qual = 10 * qual + (c - 48)
                    digits += 1
                    if point:
                        scale *= 10.0
                elif c == _DOT and not point:
                    point = True
                else:
                    slow = 1
                if digits > 15:
                    slow = 1
                    qual = 0
            if digits == 0:
                slow = 1
            quals[n_records] = qual / scale
        # Alternate alleles.
        n_alts = 0
        if not (text[starts[4]] == _DOT and starts[5] - starts[4] == 2):
            alt_starts[0] = starts[4]
            for p in range(starts[4], starts[5]):
                c = text[p]
                if c == _COMMA or c == _TAB:
                    n_alts += 1
                    if n_alts > _MOST_ALTS or p == alt_starts[n_alts - 1]:
                        return UNUSUAL, row_start, n_records, n_variants
                    alt_starts[n_alts] = p + 1
                elif (
                    c == 60 and (text[p + 1] == 42 or (text[p + 1] == 78 and text[p + 2] == 79))
                ) or c == _DOT:  # a gVCF's <*> or <NON_REF>; a single breakend or a dot in a list
                    return UNUSUAL, row_start, n_records, n_variants
        else:
            alt_starts[0], alt_starts[1] = starts[4], starts[5]
        # FORMAT: one of those that are known.
        found = -1
        n_format = starts[9] - 1 - starts[8]
        for step in range(n_formats):
            candidate = (known + step) % n_formats
            start = format_starts[candidate]
            if format_starts[candidate + 1] - start != n_format:
                continue
            same = True
            for p in range(n_format):
                if formats[start + p] != text[starts[8] + p]:
                    same = False
                    break
            if same:
                found = candidate
                break
        if found < 0:
            return NEW_FORMAT, row_start, n_records, n_variants
        known = found
        n_rows = max(n_alts, 1)
        if n_variants + n_rows > len(variants):
            return FULL, row_start, n_records, n_variants
        # All samples: what isn't a plain 0/0 is kept as an event.
        n_events, plain_enough, ok = 0, 0, True
        dp_sum, dp_given, gq_sum, gq_given = 0, 0, 0, 0
        for sample in range(n_samples):
            a = b = -3
            dp, gq, ad = -1, -1, -1
            # GT
            c0, c1 = np.int64(text[at]), text[at + 1]
            if c1 == _SLASH or c1 == _BAR:
                c2, c3 = np.int64(text[at + 2]), text[at + 3]
                if c3 == _COLON or c3 == _TAB or c3 == _NEWLINE:
                    a = c0 - 48 if c0 != _DOT else -1
                    b = c2 - 48 if c2 != _DOT else -1
                    at += 3
                    known_a = c0 == _DOT or 0 <= a <= 9
                    known_b = c2 == _DOT or 0 <= b <= 9
                    if not known_a or not known_b or a > n_alts or b > n_alts:
                        ok = False
                        break
            if a == -3:
                # Haploid, or an allele of two digits.
                allele = 0
                while True:
                    value, digits = 0, 0
                    if text[at] == _DOT:
                        value = -1
                        at += 1
                    else:
                        while 48 <= text[at] <= 57 and digits < 3:
                            value = 10 * value + (text[at] - 48)
                            digits += 1
                            at += 1
                        if digits == 0 or digits > 2 or value > n_alts:
                            ok = False
                            break
                    if allele == 0:
                        a = value
                    else:
                        b = value
                    allele += 1
                    if text[at] == _COLON or text[at] == _TAB or text[at] == _NEWLINE:
                        break
                    if allele == 2 or not (text[at] == _SLASH or text[at] == _BAR):
                        ok = False
                        break
                    at += 1
                if not ok:
                    break
                if allele == 1:
                    b = -2
            # The other fields, as far as the sample has them.
            field = 1
            while text[at] == _COLON:
                at += 1
                role = roles[found, field]
                field += 1
                if role == DP or role == GQ:
                    if text[at] == _DOT:
                        at += 1
                    else:
                        first = at
                        value = np.int64(text[at]) - 48
                        if value < 0 or value > 9:
                            ok = False
                            break
                        at += 1
                        while 48 <= text[at] <= 57:
                            value = 10 * value + (np.int64(text[at]) - 48)
                            at += 1
                            if at - first > _MOST_DIGITS:
                                break
                        if at - first > _MOST_DIGITS:
                            ok = False
                            break
                        if role == DP:
                            dp = value
                        else:
                            gq = value
                elif role < 0:  # more values than FORMAT has keys
                    ok = False
                    break
                else:
                    if role == AD:
                        ad = at
                    at = _skip_values(text, at, role)
                    if at < 0:
                        ok = False
                        break
            if not ok:
                break
            wanted = _TAB if sample < n_samples - 1 else _NEWLINE
            if text[at] != wanted:
                ok = False
                break
            at += 1
            if dp >= 0:
                dp_sum += dp
                dp_given += 1
                samples[S_DP, sample] += dp
            else:
                samples[S_DP_MISSING, sample] += 1
            if gq >= 0:
                gq_sum += gq
                gq_given += 1
                samples[S_GQ, sample] += gq
            else:
                samples[S_GQ_MISSING, sample] += 1
            least = min_dp_haploid if b == -2 else min_dp
            enough = (not has_gq or (gq >= 0 and gq >= min_gq)) and (
                not has_dp or (dp >= 0 and dp >= least)
            )
            if a == 0 and b == 0:
                plain_enough += enough
            else:
                sample_of[n_events], one[n_events], two[n_events] = sample, a, b
                depth_of[n_events], quality_of[n_events], ad_of[n_events] = dp, gq, ad
                enough_of[n_events] = enough
                n_events += 1
        if not ok:
            return UNUSUAL, row_start, n_records, n_variants
        contig = _contig_class(text, row_start, chrom_end)
        if contig == 1:
            for region in range(par.shape[0]):
                if par[region, 0] <= pos <= par[region, 1]:
                    contig = 2
        plain = n_samples - n_events
        for k in range(1, n_rows + 1):
            kind, transition = _kind(
                text, starts[3], starts[4] - 1, alt_starts[k - 1], alt_starts[k] - 1
            )
            if kind < 0:
                return UNUSUAL, row_start, n_records, n_variants
            alt = k if n_alts else 1 << 20
            ac, called = 0, 0
            missing, hom_ref, het, hom_alt, hemi = 0, plain, 0, 0, 0
            dip_het, dip_alt, dip_other = 0, 0, 0
            gq_carriers, gq_of_carriers, carriers = 0, 0, 0
            ac_adj, an_adj, het_adj, hom_alt_adj = 0, 2 * plain_enough, 0, 0
            x_called, x_found = 2 * plain, 0
            for e in range(n_events):
                a, b = one[e], two[e]
                n_called = (a >= 0) + (b >= 0)
                n_copies = (a == alt) + (b == alt)
                diploid = n_called == 2
                haploid = b == -2 and n_called == 1
                s = sample_of[e]
                called += n_called
                ac += n_copies
                good = enough_of[e] != 0
                if want_copies:
                    whole = diploid or haploid
                    copies[n_variants, s] = n_copies if whole else -1
                if n_called == 0:
                    missing += 1
                    samples[S_MISSING, s] += 1
                elif n_copies == 0:
                    if diploid:
                        hom_ref += 1
                    else:
                        samples[S_OTHER, s] += 1
                else:
                    carriers += 1
                    if quality_of[e] >= 0:
                        gq_carriers += 1
                        gq_of_carriers += quality_of[e]
                    if n_copies < n_called:
                        het += 1
                        dip_het += 1
                        samples[S_HET, s] += 1
                        if good and has_ad:
                            good = False
                            if ad_of[e] >= 0 and depth_of[e] > 0:
                                reads = _value_of_ad(text, ad_of[e], alt)
                                if reads >= 0:
                                    good = reads / depth_of[e] >= min_balance
                        het_adj += good
                    elif diploid:
                        hom_alt += 1
                        dip_alt += 1
                        samples[S_HOM_ALT, s] += 1
                        hom_alt_adj += good
                    else:
                        hemi += 1
                        samples[S_HEMI, s] += 1
                    if kind == _SNP:
                        samples[S_TI if transition == 1 else S_TV, s] += 1
                    elif kind == _INSERTION:
                        samples[S_INS, s] += 1
                    elif kind == _DELETION:
                        samples[S_DEL, s] += 1
                if good:
                    an_adj += n_called
                    ac_adj += n_copies
                if not diploid:
                    dip_other += 1
                if diploid or haploid:
                    x_called += n_called
                    x_found += n_copies
            dip_ref = n_samples - dip_other - dip_het - dip_alt
            # Observed against expected homozygotes, of sites that are polymorphic here.
            if contig < 2:
                if contig == 0:
                    part, whole = dip_het + 2 * dip_alt, 2 * (dip_ref + dip_het + dip_alt)
                else:
                    part, whole = x_found, x_called
                p = part / whole if whole else 0.0
                polymorphic = 0 < p < 1
                homozygous = 1 - 2 * p * (1 - p)
                if polymorphic:
                    totals[T_X_SITES if contig else T_SITES] += 1
                    expected_totals[contig] += homozygous
                if contig:
                    totals[T_X_VARIANTS] += 1
                for e in range(n_events):
                    s, a, b = sample_of[e], one[e], two[e]
                    haploid = b == -2 and a >= 0
                    counted = (a >= 0 and b >= 0) or (contig == 1 and haploid)
                    if contig and haploid:
                        samples[S_X_HAPLOID, s] += 1
                    if contig and not counted:
                        samples[S_X_CALLED_LESS, s] += 1
                    if polymorphic:
                        if not counted:
                            samples[S_X_UNCOUNTED if contig else S_UNCOUNTED, s] += 1
                            expected[contig, s] += homozygous
                        elif a != b and b >= 0 and (a == alt or b == alt):
                            samples[S_X_HETS if contig else S_HETS, s] += 1
            an = 2 * plain + called
            if ac == 1:
                for e in range(n_events):
                    if one[e] == alt or two[e] == alt:
                        samples[S_SINGLETON, sample_of[e]] += 1
            row = variants[n_variants]
            row[RECORD], row[KIND], row[TRANSITION], row[AC], row[AN] = (
                n_records, kind, transition, ac, an,
            )  # fmt: skip
            row[MISSING], row[HOM_REF], row[HET], row[HOM_ALT], row[HEMI] = (
                missing, hom_ref, het, hom_alt, hemi,
            )  # fmt: skip
            row[DIPLOID_REF], row[DIPLOID_HET], row[DIPLOID_ALT] = dip_ref, dip_het, dip_alt
            row[CARRIERS], row[GQ_OF_CARRIERS], row[GQ_CARRIERS] = (
                carriers, gq_of_carriers, gq_carriers,
            )  # fmt: skip
            row[AC_ADJ], row[AN_ADJ], row[HET_ADJ], row[HOM_ALT_ADJ] = (
                ac_adj, an_adj, het_adj, hom_alt_adj,
            )  # fmt: skip
            row[DP_SUM], row[DP_GIVEN], row[GQ_SUM], row[GQ_GIVEN] = (
                dp_sum, dp_given, gq_sum, gq_given,
            )  # fmt: skip
            n_variants += 1
        record = records[n_records]
        record[POS], record[QUAL_SLOW], record[N_ALTS] = pos, slow, n_alts
        record[HEAD], record[FILTER] = row_start, starts[7]
        record[CHROM_ENDS], record[NEW_CHROM] = chrom_end, new_chrom
        last[0], last[1], last[2] = row_start, chrom_end, pos
        n_records += 1
    return DONE, at, n_records, n_variants


@njit(cache=True, nogil=True)
def copy_heads(text, records, n_records, heads):
    """The first seven columns of each record, a tab behind each of them, one after the other."""
    to = 0
    for number in range(n_records):
        for at in range(records[number, HEAD], records[number, FILTER]):
            heads[to] = text[at]
            to += 1
    return to
