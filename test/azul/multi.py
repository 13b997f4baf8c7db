"""A multiplugin: three authors for one job, of which one fails."""

from azul_runner import BinaryPlugin, Feature, Job, State, cmdline_run


class AzulPluginMulti(BinaryPlugin):
    """Says who saw the file."""

    VERSION = "5"
    CONTACT = "lazuli"
    FEATURES = [Feature("multi_seen", desc="who saw it")]

    def __init__(self, config=None):
        super().__init__(config)
        self.register_multiplugin("good", "9", self.good)
        self.register_multiplugin("bad", None, self.bad)

    def execute(self, job: Job):
        self.add_feature_values("multi_seen", "main")

    def good(self, job: Job):
        self.add_feature_values("multi_seen", "good")

    def bad(self, job: Job):
        return State(State.Label.OPT_OUT, "not_mine", "this one is not for me")


if __name__ == "__main__":
    cmdline_run(plugin=AzulPluginMulti)
