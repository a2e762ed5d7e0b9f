"""What pytest is told when it runs for mutants: properties with few examples, always the same, and none shrunk."""

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "mutation",
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutation")
