"""A model for Inspect that always abstains, `--model ehrxqa/abstain`: the floor of scores, and a run without a network.

Inspect's own mock model counts tokens with a file that it fetches; this one says what it has used.
"""

from __future__ import annotations

from typing import Any

from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, ModelUsage, modelapi
from inspect_ai.tool import ToolChoice, ToolInfo

from ehrxqa.errors import SettingsError

__all__ = ["Floor"]


@modelapi(name="ehrxqa")
class Floor(ModelAPI):
    """Hands in an abstention: as a call of `submit_answer` where there are tools, else as the query null."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 - as Inspect declares it
        **_: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        if model_name != "abstain":
            raise SettingsError(f"there is one model here, ehrxqa/abstain, not {model_name!r}")

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """Abstain."""
        if any(tool.name == "submit_answer" for tool in tools):
            output = ModelOutput.for_tool_call(self.model_name, "submit_answer", {"abstain": True})
        else:
            output = ModelOutput.from_content(self.model_name, "null")
        output.usage = ModelUsage(input_tokens=sum(len(message.text) for message in input), output_tokens=1)
        return output
