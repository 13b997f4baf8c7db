"""A plugin of several parts, which azul-runner calls a multiplugin. The last part waits until a file is there: PLUGIN_GATE."""

import os
import time

from azul_runner import BinaryPlugin, Feature, FeatureType, Job, State, add_settings, cmdline_run


class AzulPluginParts(BinaryPlugin):
    """Several parts."""

    VERSION = "1.0"
    CONTACT = "lazuli"
    SETTINGS = add_settings(gate=(str, ""))
    FEATURES = [Feature("part", desc="which part found it", type=FeatureType.String)]

    def __init__(self, config=None):
        super().__init__(config)
        self.register_multiplugin("first", "2.0", self.first, description="The first part.")
        self.register_multiplugin("broken", None, self.broken)
        self.register_multiplugin("away", "1", self.away)
        self.register_multiplugin("last", "3", self.last)

    def execute(self, job: Job):
        content = job.get_data().read()
        if not content.startswith(b"parts"):
            return State(State.Label.OPT_OUT, "not_mine", "another test's file")
        if b"refused" in content:
            raise ValueError("the whole plugin fails, its parts are not run")
        self.add_feature_values("part", "main")

    def first(self, job: Job):
        self.add_feature_values("part", "first")
        self.add_child_with_data({"action": "extracted"}, b"a child of the first part")

    def broken(self, job: Job):
        raise KeyError("this part alone")

    def away(self, job: Job):
        return State(State.Label.OPT_OUT, "not_today", "this part alone")

    def last(self, job: Job):
        while not os.path.exists(self.cfg.gate):
            time.sleep(0.05)
        self.add_feature_values("part", "last")


if __name__ == "__main__":
    cmdline_run(plugin=AzulPluginParts)
