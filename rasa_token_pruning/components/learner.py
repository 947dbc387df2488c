"""What the components that learn from features share: how Rasa makes, loads and caches them, and where they store."""

from __future__ import annotations

import json
import logging
from abc import abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer

from rasa_token_pruning.components.options import as_config_error
from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.version import __version__

logger = logging.getLogger(__name__)

_Self = TypeVar("_Self", bound="Learner")


class Learner(GraphComponent):
    """A component that learns from the dense features of messages and stores what it has learnt in the archive."""

    @classmethod
    def required_components(cls) -> list[type]:
        """A dense featurizer must stand before this component."""
        return [DenseFeaturizer]

    @classmethod
    @abstractmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Refuse unknown options and values out of range.

        :param config: All options.
        :raises InvalidConfigException: With what was given and what is allowed.
        """

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str | None:
        """The versions of what learns: Rasa itself only looks at the component's own file.

        Does not check the options: for what it restores from its cache, Rasa calls this with options of its own.
        """
        return json.dumps({"package": __version__, "scipy": version("scipy")}, sort_keys=True)

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> None:
        """Make the component; it has learnt nothing and says nothing."""
        self._config = {**self.get_default_config(), **config}
        self.validate_config(self._config)
        self._model_storage = model_storage
        self._resource = resource
        self._execution_context = execution_context

    @classmethod
    def create(
        cls: type[_Self],
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> _Self:
        """Create an untrained component."""
        return cls(config, model_storage, resource, execution_context)

    @classmethod
    def load(
        cls: type[_Self],
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> _Self:
        """Load a trained component; an untrained one if the archive holds none.

        :raises InvalidConfigException: If what is stored cannot be used.
        """
        component = cls.create(config, model_storage, resource, execution_context)
        with ExitStack() as stack:
            try:
                folder = stack.enter_context(model_storage.read_from(resource))
            except ValueError:
                logger.debug("Cannot load %s: resource '%s' doesn't exist.", cls.__name__, resource.name)
                return component
            with as_config_error(cls.__name__, ClassifierError):
                component._read(folder)
        return component

    @abstractmethod
    def _read(self, folder: Path) -> None:
        """Take up what was stored.

        :raises ClassifierError: If it cannot be used.
        """

    def _store(self, write: Callable[[Path], None]) -> Resource:
        """Store what was learnt in the place of what a training before has left."""
        with self._model_storage.write_to(self._resource) as folder:
            for old in folder.iterdir():  # if Rasa finetunes
                old.unlink()
            write(folder)
        return self._resource
