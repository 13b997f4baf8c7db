"""A plugin as its author would write it from azul-runner's documentation: features, text and a child file."""

from azul_runner import BinaryPlugin, Feature, FeatureType, Job, State, cmdline_run


class AzulPluginHello(BinaryPlugin):
    """Counts bytes and hands the first line on as a file."""

    VERSION = "1.0"
    CONTACT = "lazuli"
    FEATURES = [Feature("hello_size", desc="bytes read", type=FeatureType.Integer)]

    def execute(self, job: Job):
        content = job.get_data().read()
        if not content.startswith(b"hello"):
            return State.Label.OPT_OUT
        self.add_feature_values("hello_size", len(content))
        if b"raise" in content:
            raise ValueError("asked to")
        if b"optout" in content:
            return State(State.Label.OPT_OUT, "asked_to", "the file says so")
        first, newline, _ = content.partition(b"\n")
        if newline and first:
            self.add_text(first.decode("latin-1"), "english")
            self.add_child_with_data({"action": "extracted"}, first)


if __name__ == "__main__":
    cmdline_run(plugin=AzulPluginHello)
