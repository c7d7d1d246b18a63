// Precompiled header of the targets that handle Arrow columns.
#pragma once
#include "pch/pch_core.h"

#include <arrow/api.h>
