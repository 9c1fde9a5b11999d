"""YAML of bounded size, without objects: what a file of settings may hold."""

from __future__ import annotations

import re
from typing import Any

import yaml

# In characters, for the whole text. Settings have a few thousand.
LONGEST = 1_000_000
# In values, counted after aliases and merges are written out.
MOST_VALUES = 100_000
# Half of a character, which no file can hold, by its escape; two of them are not one in YAML.
HALF = re.compile(r"\\(u|U0000)[dD][89a-fA-F][0-9a-fA-F]{2}")


class _Loader(yaml.SafeLoader):
    """The safe loader, which counts what a document comes to before it builds anything."""

    def get_single_data(self) -> Any:
        """The document's value."""
        node = self.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > MOST_VALUES:
            raise yaml.YAMLError(f"it stands for more than {MOST_VALUES:,} values")
        return self.construct_document(node)


def load_yaml(text: str) -> Any:
    """The value of a YAML document, made of plain Python values only.

    Args:
        text: at most `LONGEST` characters, which stand for at most `MOST_VALUES` values. Tags of
            Python objects are refused, and so are halves of characters.

    Raises:
        yaml.YAMLError: where the text is anything else.
    """
    if len(text) > LONGEST:
        raise yaml.YAMLError(f"it has more than {LONGEST:,} characters")
    if HALF.search(text):
        raise yaml.YAMLError("it holds half of a character")
    try:
        # A subclass of the safe loader.
        value = yaml.load(text, _Loader)  # nosec B506
    except yaml.YAMLError:
        raise
    except RecursionError as error:
        raise yaml.YAMLError("it is nested too deeply") from error
    # Values whose tag or form promises a date or a number that they do not hold.
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError) as error:
        raise yaml.YAMLError(f"a value is not what it says ({error})") from error
    return value


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node stands for; aliases count each time they are met."""
    if id(node) in known:
        if known[id(node)] < 0:
            raise yaml.YAMLError("a value holds itself")
        return known[id(node)]
    known[id(node)] = -1
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        children = [one for pair in node.value for one in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = list(node.value)
    known[id(node)] = 1 + sum(_size(child, known) for child in children)
    return known[id(node)]
