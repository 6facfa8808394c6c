"""The environment for reinforcement learning; see `ehrxqa.agents.environment`."""

from __future__ import annotations

from ehrxqa.agents.budget import Budget
from ehrxqa.agents.environment import (
    Action,
    Environment,
    Observation,
    Rewards,
    Step,
    make_environment,
    run_episode,
)

__all__ = ["Action", "Budget", "Environment", "Observation", "Rewards", "Step", "make_environment", "run_episode"]
