"""Pipelines for Rasa Pro's base install, with our components in them."""

TOKENIZER = {"name": "WhitespaceTokenizer"}
FEATURIZER = {"name": "rasa_token_pruning.TokenPruningFeaturizer"}
CLASSIFIER = {"name": "rasa_token_pruning.FewShotIntentClassifier"}
SELECTOR = {"name": "rasa_token_pruning.FewShotResponseSelector", "retrieval_intent": "faq"}
EXTRACTOR = {"name": "rasa_token_pruning.FewShotEntityExtractor"}
FALLBACK = {"name": "FallbackClassifier", "threshold": 0.3, "ambiguity_threshold": 0.1}
ENTITIES = [{"name": "RegexEntityExtractor", "case_sensitive": False}, {"name": "EntitySynonymMapper"}]
ADAPTER = {"name": "NLUCommandAdapter"}
ROUTER = {
    "name": "IntentBasedRouter",
    "nlu_entry": {"sticky": ["screen_problem"], "non_sticky": ["greet"]},
    "calm_entry": {"sticky": ["reset_password", "nlu_fallback"]},
}
LLM = {"name": "CompactLLMCommandGenerator"}

ASSISTANT = [TOKENIZER, FEATURIZER, CLASSIFIER, SELECTOR, *ENTITIES, FALLBACK]
LEARNING_ENTITIES = [
    TOKENIZER,
    {"name": "RegexFeaturizer"},
    FEATURIZER,
    CLASSIFIER,
    EXTRACTOR,
    {"name": "EntitySynonymMapper"},
    FALLBACK,
]
BESIDE_SPARSE = [
    TOKENIZER,
    {"name": "RegexFeaturizer"},
    FEATURIZER,
    {"name": "CountVectorsFeaturizer"},
    CLASSIFIER,
    FALLBACK,
]
