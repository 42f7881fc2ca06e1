"""How long Hypothesis looks: the machine may be shared and slow, so time itself never fails a test."""

from hypothesis import HealthCheck, settings

settings.register_profile("unit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")
