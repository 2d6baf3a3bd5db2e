"""Made-up inputs of both domains, so that a first start has something to compute.

``python -m samples --out LANDING`` puts them into a landing zone, once. The standard library
alone makes them: they must come out of the user-code image as well as out of a bare checkout.
"""
