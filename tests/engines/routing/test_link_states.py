"""Links that go down: waited for, then given up, and remembered."""

from scanner.engines.routing.link_states import LINK_PATIENCE, LinkState, LinkStates
from scanner.engines.routing.netlink import Link, Medium
from tests.engines.links import ETHER, MAC


class Watch:
    """News of links, by hand."""

    def __init__(self) -> None:
        self.news: list[Link] = []

    def changes(self) -> list[Link]:
        news, self.news = self.news, []
        return news


def test_a_link_is_waited_for_and_then_given_up() -> None:
    watch = Watch()
    states = LinkStates([ETHER], watch)  # type: ignore[arg-type]
    assert states.state(3, 5.0) is LinkState.UP
    assert not states.troubled([3, 4])
    watch.news = [Link(3, "v0", Medium.ETHERNET, MAC, 1500, up=False, resolves=True)]
    states.update(10.0)
    assert states.troubled([3, 4])
    assert not states.troubled([4])
    assert states.state(3, 10.0 + LINK_PATIENCE / 2) is LinkState.WAIT
    assert states.state(3, 10.0 + LINK_PATIENCE) is LinkState.DOWN
    watch.news = [ETHER]
    states.update(30.0)
    assert states.state(3, 30.0) is LinkState.UP
    assert states.down_since(3, 29.0)
    assert not states.down_since(3, 31.0)
    assert not states.down_since(4, 0.0)


def test_a_link_that_is_down_from_the_start_is_not_waited_for() -> None:
    down = Link(3, "v0", Medium.ETHERNET, MAC, 1500, up=False, resolves=True)
    states = LinkStates([down], Watch())  # type: ignore[arg-type]
    assert states.state(3, 1.0) is LinkState.DOWN
    assert states.down_since(3, 1e9)
