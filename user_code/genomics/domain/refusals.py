"""The one error that bad input raises."""


class RefusedInputError(ValueError):
    """An input that must not be computed on; the message says where, what, and what to do.

    `place` is a file name with a line, record or byte; `reason` what is wrong there; `advice`
    what the sender of the file can do. None of them ever holds a sample's name or a genotype.
    """

    def __init__(self, place: str, reason: str, advice: str) -> None:
        super().__init__(f"{place}: {reason}. {advice}")
        self.place = place
        self.reason = reason
        self.advice = advice
