"""What Rasa Pro's engine does to the nodes of an NLU pipeline, in a few lines; its graph runner is not started.

After ``rasa.engine.graph.GraphNode``: a constructor gets its arguments by name and the options merged with their
defaults, a run method gets what other nodes returned, and a coroutine function is awaited, any other called.
"""

import asyncio

from rasa.engine.constants import PLACEHOLDER_MESSAGE, PLACEHOLDER_TRACKER
from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.shared.data import TrainingType
from rasa.shared.utils.common import minimal_kwargs
from rasa.utils.common import override_defaults


def graphs(pipeline):
    """The training graph and the prediction graph that Rasa Pro's recipe makes of a pipeline."""
    config = {"recipe": "default.v1", "assistant_id": "test", "language": "en", "pipeline": pipeline}
    return DefaultV1Recipe().graph_config_for_recipe(config, {}, TrainingType.NLU, is_finetuning=False)


def construct(name, schema, storage, **from_other_nodes):
    """The component of a node."""
    node = schema.nodes[name]
    resource = from_other_nodes.pop("resource", node.resource or Resource(name))
    return getattr(node.uses, node.constructor_name)(
        config=override_defaults(node.uses.get_default_config(), node.config),
        model_storage=storage,
        resource=resource,
        execution_context=ExecutionContext(schema, "model", node_name=name),
        **from_other_nodes,
    )


def run(node, component, arguments):
    """What the run method of a node returns."""
    method = getattr(component, node.fn)
    return asyncio.run(method(**arguments)) if asyncio.iscoroutinefunction(method) else method(**arguments)


def train(schema, storage, training_data):
    """Run the nodes of a training graph that the pipeline has put there, one after the other.

    :return: What each node returned, by its name.
    """
    outputs = {"nlu_training_data_provider": training_data}
    for name, node in schema.nodes.items():
        if name.startswith(("train_", "run_")):
            needs = {argument: outputs[parent] for argument, parent in node.needs.items()}
            to_construct = minimal_kwargs(needs, getattr(node.uses, node.constructor_name))
            component = construct(name, schema, storage, **to_construct)
            outputs[name] = run(node, component, {key: needs[key] for key in needs.keys() - to_construct.keys()})
    return outputs


class Predictor:
    """The components of a prediction graph; once they are loaded, the storage may go.

    :param provided: What the nodes ``flows_provider`` and ``domain_provider`` return.
    """

    def __init__(self, schema, storage, **provided):
        self._provided = {"flows_provider": None, "domain_provider": None, **provided}
        self._nodes = {name: node for name, node in schema.nodes.items() if name not in self._provided}
        self._components = {name: construct(name, schema, storage) for name in self._nodes}

    def process(self, messages, tracker=None):
        """What the pipeline makes of the messages of users."""
        outputs = {**self._provided, PLACEHOLDER_MESSAGE: messages, PLACEHOLDER_TRACKER: tracker}
        for name, node in self._nodes.items():
            needs = {argument: outputs[parent] for argument, parent in node.needs.items()}
            outputs[name] = run(node, self._components[name], needs)
        return outputs["run_RegexMessageHandler"]
