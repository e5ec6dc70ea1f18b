"""Results that are kept for as long as the object they were made from lives."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

OwnerT = TypeVar("OwnerT")
ResultT = TypeVar("ResultT")
P = ParamSpec("P")

_MOST = 256
"""Results kept per object. There may be many: every size of a picture has its own scale."""


def cached_while_alive(
    function: Callable[Concatenate[OwnerT, P], ResultT],
) -> Callable[Concatenate[OwnerT, P], ResultT]:
    """Cache a function without keeping its first argument alive, as `lru_cache` would.

    Args:
        function: takes the object and hashable arguments. Objects are compared by identity. The
            result must not refer to the object.
    """
    kept: WeakKeyDictionary[OwnerT, dict[object, ResultT]] = WeakKeyDictionary()

    @wraps(function)
    def cached(owner: OwnerT, /, *args: P.args, **kwargs: P.kwargs) -> ResultT:
        results = kept.setdefault(owner, {})
        key = (args, tuple(kwargs.items()))
        if key not in results:
            if len(results) >= _MOST:
                del results[next(iter(results))]
            results[key] = function(owner, *args, **kwargs)
        return results[key]

    return cached
