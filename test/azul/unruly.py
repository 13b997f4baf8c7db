"""A plugin that does what files ask it to: raise, opt out, lie, hang and die."""

import os
import signal
import time

from azul_runner import BinaryPlugin, Feature, FeatureType, Job, State, cmdline_run


class AzulPluginUnruly(BinaryPlugin):
    """Misbehaves."""

    VERSION = "1"
    CONTACT = "lazuli"
    FEATURES = [Feature("unruly_number", desc="a number", type=FeatureType.Integer)]

    def execute(self, job: Job):
        word = job.get_data().read().split()[0]
        if word == b"raise":
            raise ValueError("asked to")
        if word == b"optout":
            return State(State.Label.OPT_OUT, "asked_to", "the file says so")
        if word == b"lie":
            self.add_feature_values("unruly_number", "no number")
        if word == b"hang":
            time.sleep(3600)
        if word == b"die":
            os.kill(os.getpid(), signal.SIGKILL)
        if word == b"many":
            self.add_feature_values("unruly_number", set(range(1500)))


if __name__ == "__main__":
    cmdline_run(plugin=AzulPluginUnruly)
