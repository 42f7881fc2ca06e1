"""What is made of a tensor once, for as long as that tensor lives."""

from collections.abc import Callable, Hashable

from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary


class Kept:
    """Keeps what was made of tensors. Whoever holds the tensor decides how long: with it goes all that was made.

    A tensor is known by identity: one that is kept must not be changed in place.
    """

    def __init__(self) -> None:
        self._made = WeakTensorKeyDictionary()

    def __call__(self, given: Tensor, make: Callable[[], Tensor], how: Hashable = None) -> Tensor:
        """Return what `make` makes of the tensor `given`, made now or in an earlier call with the same `how`."""
        made: dict[Hashable, Tensor] = self._made.setdefault(given, {})
        if how not in made:
            made[how] = make()
        return made[how]
