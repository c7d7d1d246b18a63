// Precompiled header of those of them that make or read Arrow's arrays.
#pragma once
#include "pch/pch_arrow.h"
