"""What can be sent and what comes back."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictBool, StrictInt, StrictStr, Tag, model_validator

_LONGEST_ID = 1024

Integer = Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Id = Integer | Annotated[StrictStr, Field(min_length=1, max_length=_LONGEST_ID)]
"""As in the tables that the model was fitted to; "12" finds the number 12."""

Scalar = StrictStr | StrictBool | Integer | Number
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RecommendRequest(_Request):
    """Whom to recommend to, what to choose from and how."""

    user_id: Id | None = Field(None, description="A known user.", examples=["196"])
    history: list[Id] | None = Field(None, description="Instead of a user: the items that somebody has.")
    text: StrictStr | None = Field(None, description="Instead of a user: what somebody wants, in words.")
    k: Annotated[StrictInt, Field(ge=1)] = Field(10, description="How many items.")
    offset: Annotated[StrictInt, Field(ge=0)] = Field(0, description="How many of the best to leave out: pages.")
    exclude: list[Id] = Field(default_factory=list, description="Items not to recommend; unknown ones do no harm.")
    candidates: list[Id] | None = Field(None, description="The only items to choose from.")
    only: dict[StrictStr, Scalar | list[Scalar]] = Field(
        default_factory=dict,
        description="Columns of the item table and the value, or one of the values, that an item must have there.",
        examples=[{"brand": "Acme"}],
    )
    include_seen: bool = Field(default=False, description="Also what the user or the history already has.")
    diversity: Share = Field(0, description="From 0, the best items, to 1, the least alike.")
    exposure: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        None, description="How much items that were added later are shown; by default as the server is set."
    )
    reasons: Annotated[StrictInt, Field(ge=0, le=10)] = Field(
        0, description="For each item, how many items of the history to name that speak for it."
    )
    skip_unknown: bool = Field(
        default=False, description="Leave out items of the history that are unknown: 404 otherwise."
    )

    @model_validator(mode="after")
    def _one_of_three(self) -> "RecommendRequest":
        named = [name for name in ("user_id", "history", "text") if getattr(self, name) is not None]
        if len(named) != 1:
            found = " and ".join(named) or "none of them"
            raise ValueError(f"found {found}, expected exactly one of user_id, history and text; send one")
        return self


class Interaction(_Request):
    """That a user has an item."""

    user_id: Id
    item_id: Id
    rating: Number | None = None
    timestamp: Number | None = Field(None, description="Seconds since 1970; by default now.")


class NewItem(BaseModel):
    """An item: its id and the columns that its text is made of; other columns can be asked for by `only`."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Scalar | list[Scalar] | None] = Field(init=False)

    item_id: Id


class Exposure(_Request):
    """How much items that were added are shown, in units of warm items with few interactions; 0 shows none."""

    exposure: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]


def _one_or_many(sent: Any) -> str:
    return "[many]" if isinstance(sent, list) else "[one]"


NewItems = Annotated[
    Annotated[NewItem, Tag("[one]")] | Annotated[list[NewItem], Tag("[many]")], Discriminator(_one_or_many)
]
Interactions = Annotated[
    Annotated[Interaction, Tag("[one]")] | Annotated[list[Interaction], Tag("[many]")], Discriminator(_one_or_many)
]


class Because(BaseModel):
    """An item of the history that speaks for a recommended one."""

    item_id: int | str
    share: float = Field(description="Of all that speaks for it, from 0 to 1.")
    title: str | None = None


class Recommended(BaseModel):
    """An item of an answer."""

    item_id: int | str
    score: float
    rank: int = Field(description="From 1.")
    title: str | None = None
    added: bool = Field(
        default=False, description="Whether it was added after the fit, so that its text alone speaks for it."
    )
    because: list[Because] = Field(default_factory=list)


class Recommendations(BaseModel):
    """The answer: the best items, best first."""

    items: list[Recommended]
