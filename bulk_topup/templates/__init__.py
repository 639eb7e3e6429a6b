"""Templates of lists: the columns that products require, an example, and cells that say what is wrong as it is typed.

Knows nothing of HTTP or SQL; touches the one file that it writes.
"""

from bulk_topup.templates.columns import Column, Kind, Offer, Template, TemplateError, template_for
from bulk_topup.templates.write import write_template

__all__ = ["Column", "Kind", "Offer", "Template", "TemplateError", "template_for", "write_template"]
