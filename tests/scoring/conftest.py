"""Properties are searched without a clock: a slow machine finds no other mistakes than a fast one."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("without-a-clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("without-a-clock")
