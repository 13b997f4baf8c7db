"""A plugin that does what the file says: "mischief WHAT"."""

import os
import signal
import time

from azul_runner import BinaryPlugin, Feature, FeatureType, Job, State, add_settings, cmdline_run


def die():
    os.kill(os.getpid(), signal.SIGKILL)


class AzulPluginMischief(BinaryPlugin):
    """Every way to go wrong."""

    VERSION = "1.0"
    CONTACT = "lazuli"
    SETTINGS = add_settings(marks=(str, ""))  # a folder to remember in, for PLUGIN_MARKS
    FEATURES = [
        Feature("done", desc="what was done", type=FeatureType.String),
        Feature("number", desc="a number", type=FeatureType.Integer),
    ]

    def execute(self, job: Job):
        content = job.get_data().read().decode(errors="replace")
        if not content.startswith("mischief "):
            return State(State.Label.OPT_OUT, "not_mine", "another test's file")
        return getattr(self, content.split()[1])()

    def nothing(self):
        self.add_feature_values("done", "nothing bad")

    def empty(self):
        pass

    def raises(self):
        self.add_feature_values("done", "half")
        self.add_child_with_data({"action": "extracted"}, b"a child that is not kept")
        raise ZeroDivisionError("asked to ☃ \0")

    def opts_out(self):
        return State(State.Label.OPT_OUT, "asked_to", "the file says so")

    def fails_for_lack_of_memory(self):
        return State(State.Label.ERROR_OOM, "asked_to", "the file says so")

    def malformed(self):
        return self.is_malformed("cut off in the middle")

    def returns_a_wrong_type(self):
        return ["not", "a", "state"]

    def gives_a_value_of_a_wrong_type(self):
        self.add_feature_values("number", "one")

    def gives_an_undeclared_feature(self):
        self.add_feature_values("nobody_knows_it", 1)

    def adds_an_empty_child(self):
        self.add_child_with_data({"action": "extracted"}, b"")

    def gives_too_many_values(self):
        self.add_feature_values("number", list(range(1001)))

    def gives_nearly_too_much(self):
        self.add_feature_values("done", [f"{i:04}" + "x" * 3896 for i in range(480)])

    def gives_too_much(self):
        self.add_feature_values("done", [f"{i:04}" + "x" * 3896 for i in range(600)])

    def hangs(self):
        time.sleep(3600)

    def dies(self):
        die()

    def dies_once(self):
        mark = os.path.join(self.cfg.marks, "died")
        if not os.path.exists(mark):
            open(mark, "x").close()
            die()
        self.add_feature_values("done", "the second time")


if __name__ == "__main__":
    cmdline_run(plugin=AzulPluginMischief)
