"""Computes for ever, prints a line before: comes back to the same state, gets on, or begins the same work again."""

import sys


def step(rate, left):
    return left - left * rate


def years(rate):
    left = 1000.0
    while left > 1.0:
        left = step(rate, left)
    return left


def narrow(age, low, high):
    middle = (low + high) / 2
    return (low, middle) if middle * age > 1000 else (middle, high)


def premium(age):
    low, high = 0.0, 1000.0
    while high * age - low * age > 0.01 or high > 999:
        low, high = narrow(age, low, high)
    return high


class Meter:
    def __init__(self, pace):
        self.pace, self.count = pace, 0

    def stands(self, way):
        while way > 0:
            way = way - self.pace
        return way

    def counts(self, way):
        while way > 0:
            self.count += 1
            way = max(way, self.pace)
        return way


def counts(most):
    number = 0
    while number < most:
        number = step(-1.0, number) + 1
        number %= 1_000_003
    return number


def again():
    for _ in range(10**9):
        premium(40)


print("up", flush=True)
{
    "years": lambda: years(0),
    "premium": lambda: premium(0),
    "stands": lambda: Meter(0).stands(5),
    "counts": lambda: counts(10**9),
    "attribute": lambda: Meter(0).counts(5),
    "again": again,
    "fraction": lambda: years(1e-12),
}[sys.argv[1]]()
