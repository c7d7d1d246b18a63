#include "pch/pch_arrow.h"
