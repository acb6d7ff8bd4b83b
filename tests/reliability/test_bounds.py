"""Small versions of what `make bounds` piles up."""

import pytest

from tests.reliability.bounds import SCENES, run

pytestmark = pytest.mark.time_limit(300)


@pytest.mark.parametrize("name", SCENES)
def test_scene(name: str) -> None:
    """Whatever is piled up, the daemon samples it in less than 64 MiB."""
    scene = SCENES[name]
    assert run(name, scene, scene.few, 4.0).samples > 1
