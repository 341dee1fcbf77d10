"""Schema registries: any Confluent-compatible server, and one in memory."""

from __future__ import annotations

import json
import weakref
from typing import Any, Protocol

import httpx2 as httpx
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from waysight.errors import BadConfiguration, BadMessage, EngineDown


class Registry(Protocol):
    """Ids of schemas, as the Confluent wire format needs them."""

    def register(self, subject: str, schema: dict[str, Any]) -> int:
        """Register and return the id; raises BadConfiguration when the change is incompatible."""

    def id_of(self, subject: str, schema: dict[str, Any]) -> int:
        """Id of a registered schema; raises BadConfiguration when it is not."""

    def schema(self, schema_id: int) -> dict[str, Any]:
        """Schema of an id; raises BadMessage for an unknown id."""


class ConfluentRegistry:
    """A real registry through confluent-kafka's client; subjects are kept BACKWARD-compatible."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = SchemaRegistryClient({"url": url})
        weakref.finalize(self, self._client.close)  # its connections end with the registry object

    def register(self, subject: str, schema: dict[str, Any]) -> int:
        try:
            schema_id = int(self._client.register_schema(subject, Schema(json.dumps(schema), "AVRO")))
            self._client.set_compatibility(subject, "BACKWARD")
        except SchemaRegistryError as error:
            if error.http_status_code == 409:
                raise BadConfiguration(f"{subject}: the schema is not backward-compatible with the registered one: {error}; "
                                       "add a default to a new field, or use a new topic") from error  # fmt: skip
            raise self._down(error) from error
        except httpx.HTTPError as error:
            raise self._down(error) from error
        return schema_id

    def id_of(self, subject: str, schema: dict[str, Any]) -> int:
        try:
            found = self._client.lookup_schema(subject, Schema(json.dumps(schema), "AVRO"))
        except SchemaRegistryError as error:
            if error.http_status_code == 404:
                raise BadConfiguration(
                    f"{subject}: this version's schema is not registered; run `waysight topics apply`"
                ) from error
            raise self._down(error) from error
        except httpx.HTTPError as error:
            raise self._down(error) from error
        return int(found.schema_id)

    def schema(self, schema_id: int) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._client.get_schema(schema_id).schema_str or "null")
        except SchemaRegistryError as error:
            if error.http_status_code == 404:
                raise BadMessage(f"schema id {schema_id} is not in the registry") from error
            raise self._down(error) from error
        except httpx.HTTPError as error:
            raise self._down(error) from error
        return found

    def _down(self, error: Exception) -> EngineDown:
        return EngineDown(f"schema registry at {self._url} failed: {error}; is it up (`waysight status`)?")


class MemoryRegistry:
    """A registry for tests and for programs that write files only; knows no compatibility."""

    def __init__(self) -> None:
        self._schemas: list[dict[str, Any]] = []

    def register(self, subject: str, schema: dict[str, Any]) -> int:
        del subject
        if schema not in self._schemas:
            self._schemas.append(schema)
        return self._schemas.index(schema) + 1

    id_of = register

    def schema(self, schema_id: int) -> dict[str, Any]:
        if not 0 < schema_id <= len(self._schemas):
            raise BadMessage(f"schema id {schema_id} is not in the registry")
        return self._schemas[schema_id - 1]
