"""All kinds of input, in the order of the page that tells of them."""

from tests.inputs.archives import ARCHIVES
from tests.inputs.dicom import DICOM
from tests.inputs.formats import FORMATS
from tests.inputs.malformed import MALFORMED

KINDS = (*MALFORMED, *FORMATS, *DICOM, *ARCHIVES)
