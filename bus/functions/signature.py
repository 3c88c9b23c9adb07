"""What the compiler and the manual know of a function: parameters, result, needs, an example."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from bus.texts import say
from bus.types import Type

Need = Literal["zone", "encoding", "numbers", "field"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; a tuple of types means any one of them.

    One that is not required has the same name in `call`, so that it can be given by name.

    Args:
        variadic: takes this argument and all that follow; none is fine too when it is not required.
        keyword_only: has to be written `name=`.
    """

    name: str
    type: Type | tuple[Type, ...]
    required: bool = True
    variadic: bool = False
    keyword_only: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the expression language.

    Args:
        call: takes what `needs` names, in that order, then the arguments. A value of a kind that
            the parameters do not allow raises ExpressionError, as every other failure does.
        result: the type of what it returns, or how that follows from the arguments' types.
        about: code of the sentence that says what it does.
        may_be_null: the result may be null although no argument is.
        takes_null: called with null too; any other function is not called, its result is null.
        example: `call → result` in the language itself; the manual shows it and a test runs it.
    """

    name: str
    call: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    result: Type | Callable[[tuple[Type, ...]], Type]
    about: str
    example: str
    may_be_null: bool = False
    takes_null: bool = False
    needs: tuple[Need, ...] = ()

    @property
    def description(self) -> str:
        """What it does, in the chosen language."""
        return say(self.about)

    def result_of(self, arguments: tuple[Type, ...]) -> Type:
        """The type of the result for arguments of these types."""
        return self.result(arguments) if callable(self.result) else self.result
