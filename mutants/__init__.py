"""Makes deliberate errors in the safety core, one at a time, and sees whether tests notice; no part of the product."""
