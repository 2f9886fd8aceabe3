"""The linear algebra that insights need, on lists of floats.

Systems here have less than a hundred unknowns. Solving one takes milliseconds, so the service does
not need a numerical library.
"""

import math
from collections.abc import Sequence
from operator import mul

Vector = list[float]
Matrix = list[list[float]]


def dot(left: Sequence[float], right: Sequence[float]) -> float:
    """The scalar product, up to the length of the shorter one."""
    total: float = sum(map(mul, left, right))
    return total


def cholesky(matrix: Matrix) -> Matrix:
    """The lower Cholesky factor, as rows that end on the diagonal. Reads the lower triangle only.

    Raises ValueError if `matrix` is not positive definite.
    """
    factor: Matrix = []
    for source in matrix:
        row: Vector = []
        append = row.append
        for above, value in zip(factor, source, strict=False):
            append((value - sum(map(mul, row, above))) / above[-1])
        rest = source[len(row)] - sum(map(mul, row, row))
        row.append(math.sqrt(rest))
        factor.append(row)
    return factor


def forward(factor: Matrix, right: Sequence[float]) -> Vector:
    """The x of `factor · x = right`."""
    solution: Vector = []
    for row, value in zip(factor, right, strict=True):
        solution.append((value - sum(map(mul, row, solution))) / row[-1])
    return solution


def backward(factor: Matrix, right: Sequence[float]) -> Vector:
    """The x of `factorᵀ · x = right`."""
    rest = list(right)
    for i in range(len(rest) - 1, -1, -1):
        row = factor[i]
        value = rest[i] = rest[i] / row[-1]
        for j in range(i):
            rest[j] -= row[j] * value
    return rest


def solve(factor: Matrix, right: Sequence[float]) -> Vector:
    """The x of `matrix · x = right`, where `factor` is the Cholesky factor of `matrix`."""
    return backward(factor, forward(factor, right))


def log_determinant(factor: Matrix) -> float:
    """The log determinant of the matrix whose Cholesky factor is `factor`."""
    return 2 * sum(math.log(row[-1]) for row in factor)


def inverse(matrix: Matrix) -> Matrix:
    """The inverse of a symmetric positive definite `matrix`."""
    factor, size = cholesky(matrix), range(len(matrix))
    return [solve(factor, [float(i == j) for j in size]) for i in size]
