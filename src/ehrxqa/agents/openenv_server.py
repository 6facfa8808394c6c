"""The environment as an OpenEnv server (extra `openenv`): actions and observations over HTTP and WebSocket.

`openenv_app` gives an application for uvicorn. Each session has an environment of its own over one build; questions are
new ones without end, or those of a split's file.
"""

from __future__ import annotations

import base64
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ehrxqa.agents.calling import TOOLS
from ehrxqa.agents.environment import Environment, Observation, Rewards
from ehrxqa.agents.opened import open_build
from ehrxqa.agents.tasks import TaskSource, endless_tasks, file_tasks
from ehrxqa.errors import SettingsError

__all__ = ["openenv_app", "openenv_classes"]


def openenv_classes() -> tuple[type[Any], type[Any], type[Any]]:
    """The action, the observation and the environment, as OpenEnv wants them.

    Raises:
        SettingsError: openenv is not installed.
    """
    try:
        from openenv.core.env_server import Action as BaseAction
        from openenv.core.env_server import Environment as BaseEnvironment
        from openenv.core.env_server import Observation as BaseObservation
        from openenv.core.env_server import State as BaseState
    except ImportError as error:
        raise SettingsError("the OpenEnv server needs openenv: pip install 'ehrxqa[openenv]'") from error
    from pydantic import Field

    class EhrxqaAction(BaseAction):  # type: ignore[misc,unused-ignore]
        """A call of a tool."""

        tool: str = Field(description=f"One of {', '.join(TOOLS)}.")
        arguments: dict[str, Any] = Field(default_factory=dict, description="As the tool declares them.")

    class EhrxqaObservation(BaseObservation):  # type: ignore[misc,unused-ignore]
        """What the model sees."""

        text: str = ""
        picture: str | None = Field(default=None, description="PNG as base64.")
        left: dict[str, float | None] = Field(default_factory=dict)
        tools: list[dict[str, Any]] = Field(default_factory=list, description="Declarations, with the first one.")

    class EhrxqaEnvironment(BaseEnvironment):  # type: ignore[misc,unused-ignore]
        """One session."""

        SUPPORTS_CONCURRENT_SESSIONS = True

        def __init__(self, inner: Environment) -> None:
            super().__init__()
            self._inner, self._steps = inner, 0

        def reset(self, seed: int | None = None, episode_id: str | None = None, **_: Any) -> Any:
            """Begin with question number `seed`, by default the next one."""
            self._steps, self._id = 0, episode_id
            found = self._inner.reset(seed)
            declared = [
                {"name": tool.name, "description": tool.description, "parameters": tool.schema}
                for tool in TOOLS.values()
            ]
            return EhrxqaObservation(**_seen(found), tools=declared)

        def step(self, action: Any, timeout_s: float | None = None, **_: Any) -> Any:
            """Call the tool."""
            self._steps += 1
            step = self._inner.step({"tool": action.tool, "arguments": action.arguments})
            metadata = {"verdict": step.info["verdict"], "parts": step.info["parts"]} if step.done else {}
            return EhrxqaObservation(**_seen(step.observation), done=step.done, reward=step.reward, metadata=metadata)

        @property
        def state(self) -> Any:
            """Which episode, and how far it is."""
            return BaseState(episode_id=str(self._inner.number), step_count=self._steps)

    return EhrxqaAction, EhrxqaObservation, EhrxqaEnvironment


def openenv_app(
    out: Path | str,
    split: str = "train",
    *,
    endless: bool = True,
    seed: int = 0,
    vision: str | None = "oracle",
    images: Path | str | None = None,
    rewards: Rewards | None = None,
) -> Any:
    """The environment over a build as an ASGI application; it stays open until the process ends.

    Raises:
        SettingsError: openenv is not installed, or an argument makes no sense.
        BuildError: There is no build.
    """
    action, observation, environment = openenv_classes()
    from openenv.core.env_server import create_fastapi_app

    stack = ExitStack()
    build = stack.enter_context(open_build(out, split, vision=vision, images=images))
    tasks: TaskSource = endless_tasks(out, split, seed=seed) if endless else file_tasks(out, split, seed)

    def session() -> Any:
        return environment(Environment(build, tasks, None, rewards))

    app = create_fastapi_app(session, action, observation, max_concurrent_envs=16)
    app.state.ehrxqa = stack
    return app


def _seen(observation: Observation) -> dict[str, Any]:
    picture = None if observation.picture is None else base64.b64encode(observation.picture).decode()
    return {"text": observation.text, "picture": picture, "left": dict(observation.left)}
