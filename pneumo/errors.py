"""The project's exceptions. Each message says what happened, what was expected and what to do."""


class PneumoError(Exception):
    """Base of every error that pneumo raises on purpose; its text may be shown to a user."""


class RadiographError(PneumoError):
    """A file cannot be read as a radiograph."""


class WeightsError(PneumoError):
    """The weights or their model card are missing, damaged or do not belong together."""


class DatasetError(PneumoError):
    """A folder of labelled radiographs cannot be used for training or evaluation."""


class TrainingError(PneumoError):
    """Training cannot go on, for example because the loss is not finite."""


class ArchiveError(PneumoError):
    """A DICOMweb server cannot be asked, or does not take what it is given."""


class OutputError(PneumoError):
    """A result cannot be written where it was asked for."""
