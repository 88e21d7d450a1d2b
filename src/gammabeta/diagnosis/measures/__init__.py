"""What costs more than a probe, measured on demand: once an epoch, or in a fork."""

from gammabeta.diagnosis.measures.curvature import Curvature, curvature
from gammabeta.diagnosis.measures.gradient_noise import gradient_noise_scale
from gammabeta.diagnosis.measures.internal_covariate_shift import Shift, internal_covariate_shift
from gammabeta.diagnosis.measures.landscape import landscape
from gammabeta.diagnosis.measures.of_case import Measures, measures
from gammabeta.diagnosis.measures.variance_shift import VarianceShift, variance_shift

__all__ = [
    "Curvature",
    "Measures",
    "Shift",
    "VarianceShift",
    "curvature",
    "gradient_noise_scale",
    "internal_covariate_shift",
    "landscape",
    "measures",
    "variance_shift",
]
