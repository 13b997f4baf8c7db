"""A plugin that finds files in files and adds streams: "family 2" holds "family 1", which holds "family 0"."""

from azul_runner import FV, BinaryPlugin, DataLabel, Feature, FeatureType, Job, State, cmdline_run


class AzulPluginFamily(BinaryPlugin):
    """Children, grandchildren and streams."""

    VERSION = "1.0"
    CONTACT = "lazuli"
    FEATURES = [Feature("family_middle", desc="what stands in the middle", type=FeatureType.String)]

    def execute(self, job: Job):
        file = job.get_data()
        if not file.read(7) == b"family ":
            return State(State.Label.OPT_OUT, "not_mine", "another test's file")
        first = file.read(1)
        if first == b"s":  # "family self"
            file.seek(0)
            self.add_child_with_data({"action": "extracted"}, file.read())
            return
        number = int(first)
        content = file.read()

        middle = 8 + len(content) // 2
        file.seek(middle)
        self.add_feature_values("family_middle", FV(file.read(4).decode(), offset=middle, size=4))
        file.seek(-4, 2)
        self.add_feature_values("family_middle", FV(file.read().decode(), label="end"))

        self.add_text(f"member {number}", language="python")
        self.add_data(DataLabel.REPORT, {}, b'{"member": %d}' % number)
        if number == 0:
            for label in set(DataLabel) - {DataLabel.CONTENT, DataLabel.TEXT, DataLabel.REPORT}:
                self.add_data(label, {}, b"stream %s" % label.encode())
            return
        child = self.add_child_with_data({"action": "extracted", "method": "counting down"}, b"family %d" % (number - 1) + content)
        child.add_feature_values("filename", f"family-{number - 1}.txt")
        child.add_text(f"said of member {number - 1} by its parent")
        grandchild = child.add_child_with_data({"action": "unwrapped"}, b"grandchild of %d" % number)
        grandchild.add_info({"of": number})


if __name__ == "__main__":
    cmdline_run(plugin=AzulPluginFamily)
