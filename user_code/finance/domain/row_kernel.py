"""Compiled: the rows of a feed as bytes → typed columns, for rows in the form that nearly all have.

It knows no quotes, no blanks around a field, no numbers in another country's form. A row of which
it isn't sure goes to `left`, and the general way has the last word on it. What it takes is a sound
transaction by `fields`, too, with the same values, which a test compares.
"""

import numpy as np
from numba import njit

# Where the columns of a row's fields are.
ID, TIME, ACCOUNT, CATEGORY, AMOUNT, CURRENCY, OTHER = range(7)
# What a byte is.
PLAIN, DELIMITER, NEWLINE, STRANGE = range(4)
_LONGEST = 200
_MOST_DIGITS = 14
_DAYS_BEFORE = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], dtype=np.int64)
_DAYS_IN = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)


@njit(cache=True, nogil=True)
def _two(text, at):
    """The number of two digits there; 1,000 or more if there is anything but digits."""
    tens, ones = np.uint8(text[at] - 48), np.uint8(text[at + 1] - 48)
    return np.int64(tens) * 10 + np.int64(ones) + (1_000 if tens > 9 or ones > 9 else 0)


@njit(cache=True, nogil=True)
def _day(text, begin):
    """Days since 1970-01-01 of the YYYY-MM-DD that begins there; −1 if there is none."""
    century, year = _two(text, begin), _two(text, begin + 2)
    month, day = _two(text, begin + 5), _two(text, begin + 8)
    if text[begin + 4] != 45 or text[begin + 7] != 45 or century > 21 or year > 99:
        return -1
    year += century * 100
    if year < 1970 or month < 1 or month > 12 or day < 1:
        return -1
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day > _DAYS_IN[month - 1] + (1 if leap and month == 2 else 0):
        return -1
    before = year - 1
    days = 365 * year + before // 4 - before // 100 + before // 400 - 719527
    return days + _DAYS_BEFORE[month - 1] + (1 if leap and month > 2 else 0) + day - 1


@njit(cache=True, nogil=True)
def _clock(text, begin):
    """Seconds since midnight of the `THH:MM:SS` or ` HH:MM:SS` there; −1 if there is none."""
    if text[begin] != 84 and text[begin] != 32:
        return -1
    hour, minute, second = _two(text, begin + 1), _two(text, begin + 4), _two(text, begin + 7)
    if text[begin + 3] != 58 or text[begin + 6] != 58 or hour > 23 or minute > 59 or second > 59:
        return -1
    return hour * 3600 + minute * 60 + second


@njit(cache=True, nogil=True)
def _ten_thousandths(text, begin, end, decimal, digits):
    """The number there, times 10,000; `ok` is False if it has another form or too many digits."""
    negative = text[begin] == 45
    if negative or text[begin] == 43:
        begin += 1
    value, whole, point = 0, 0, -1
    for at in range(begin, end):
        digit = np.uint8(text[at] - 48)
        if digit <= 9:
            value = value * 10 + np.int64(digit)
            if point < 0:
                whole += 1
        elif text[at] == decimal and point < 0:
            point = at
        else:
            return 0, False
    written = 0 if point < 0 else end - point - 1
    if whole < 1 or whole > _MOST_DIGITS or (point >= 0 and written < 1) or written > digits:
        return 0, False
    for _ in range(4 - written):
        value *= 10
    return (-value if negative else value), True


@njit(cache=True, nogil=True)
def _is_text(text, begin, end):
    """Whether a text field is short enough, and not empty, and no blank is at its edges."""
    if end <= begin or end - begin > _LONGEST:
        return False
    first, last = text[begin], text[end - 1]
    return first != 32 and first != 9 and last != 32 and last != 9


@njit(cache=True, nogil=True)
def _word(words, at):
    """The eight bytes at a place; behind the text's last ones are zeros."""
    over = at - (len(words) - 1)
    if over <= 0:
        return words[at]
    return words[len(words) - 1] >> np.uint64(8 * over) if over < 8 else np.uint64(0)


@njit(cache=True, nogil=True)
def _view(words, begin, end):
    """Arrow's view of a string in two halves: length and 12 bytes, or length, 4 bytes and place."""
    length = np.uint64(end - begin)
    low = length | (_word(words, begin) << np.uint64(32))
    if length > 12:
        return low, np.uint64(begin) << np.uint64(32)
    if length <= 4:
        kept = (np.uint64(1) << (np.uint64(32) + np.uint64(8) * length)) - np.uint64(1)
        return (low & kept if length < 4 else low), np.uint64(0)
    high = _word(words, begin + 4)
    if length < 12:
        high &= (np.uint64(1) << np.uint64(8) * (length - np.uint64(4))) - np.uint64(1)
    return low, high


@njit(cache=True, nogil=True)
def scan_rows(
    text, words, first_line, kinds, places, digits, decimal, first_day, last_day,
    lines, texts, moments, days, amounts, left,
):  # fmt: skip
    """Rows of `text`, whole lines, → how many were taken, and how many are in `left`.

    `words`: the eight bytes from each place of the text on, but the last seven, as numbers.
    `kinds`: what each byte is. `places`: which column each field of a row is; their number is
    the header's. `digits`: of the currency AAA, AAB, …; −1: none. Days are since 1970. Taken are
    `lines`, `texts` (row, field: id, account, category, currency; 16 bytes), `moments` (µs),
    `days`, `amounts` (low and high half). `left` is line, begin and end of each other row that
    isn't empty; once it is full the scan ends.
    """
    width = len(places)
    begins, ends = np.zeros(7, dtype=np.int64), np.zeros(7, dtype=np.int64)
    taken, n_left = 0, 0
    highest = 0  # of those that aren't plain: most bytes need no table
    for at in range(256):
        if kinds[at] != PLAIN:
            highest = at
    begin, field, strange, number = 0, 0, False, first_line
    start, day = 0, np.int64(-1)
    first_of_day, last_of_day = np.uint64(0), np.uint64(0)
    for at in range(len(text)):
        byte = text[at]
        if byte > highest:
            continue
        kind = kinds[byte]
        if kind == PLAIN:
            continue
        if kind == STRANGE:
            # The carriage return of a line's end is none of its content.
            if text[at] != 13 or text[at + 1] != 10:
                strange = True
            continue
        if kind == DELIMITER:
            if field < width:
                begins[places[field]], ends[places[field]] = begin, at
            field += 1
            begin = at + 1
            continue
        end = at - 1 if at > start and text[at - 1] == 13 else at
        if field < width:
            begins[places[field]], ends[places[field]] = begin, end
        if end > start:
            ok = not strange and field == width - 1
            if ok:
                for name in (ID, ACCOUNT, CATEGORY):
                    ok = ok and _is_text(text, begins[name], ends[name])
            currency = begins[CURRENCY]
            ok = ok and ends[CURRENCY] - currency == 3
            if ok:
                code = 0
                for step in range(3):
                    letter = np.int64(text[currency + step]) - 65
                    ok = ok and 0 <= letter <= 25
                    code = code * 26 + letter
                allowed = digits[code] if ok else -1
                ok = allowed >= 0 and ends[AMOUNT] > begins[AMOUNT]
            if ok:
                amount, ok = _ten_thousandths(text, begins[AMOUNT], ends[AMOUNT], decimal, allowed)
            if ok:
                time, length = begins[TIME], ends[TIME] - begins[TIME]
                ok = length == 10 or length == 19 or (length == 20 and text[ends[TIME] - 1] == 90)
            if ok:
                # Most rows are of the day of the one before.
                first, last = _word(words, time), _word(words, time + 2)
                if first != first_of_day or last != last_of_day:
                    day, first_of_day, last_of_day = _day(text, time), first, last
                clock = 0 if length == 10 else _clock(text, time + 10)
                ok = day >= first_day and day <= last_day and clock >= 0 and day >= 0
            if ok:
                lines[taken] = number
                moments[taken] = (day * 86_400 + clock) * 1_000_000
                days[taken] = day
                amounts[taken, 0] = amount
                amounts[taken, 1] = -1 if amount < 0 else 0
                low, high = _view(words, begins[ID], ends[ID])
                texts[0, taken, 0], texts[0, taken, 1] = low, high
                low, high = _view(words, begins[ACCOUNT], ends[ACCOUNT])
                texts[1, taken, 0], texts[1, taken, 1] = low, high
                low, high = _view(words, begins[CATEGORY], ends[CATEGORY])
                texts[2, taken, 0], texts[2, taken, 1] = low, high
                low, high = _view(words, begins[CURRENCY], ends[CURRENCY])
                texts[3, taken, 0], texts[3, taken, 1] = low, high
                taken += 1
            else:
                if n_left == len(left):
                    return taken, n_left
                left[n_left, 0], left[n_left, 1], left[n_left, 2] = number, start, end
                n_left += 1
        number += 1
        begin, start, field, strange = at + 1, at + 1, 0, False
    return taken, n_left
