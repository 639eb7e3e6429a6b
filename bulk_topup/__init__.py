"""bulk-topup: pay long lists of people through the DT One Digital Value Services (DVS) API."""

__version__ = "0.1.0"
