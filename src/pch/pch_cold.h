// Precompiled header of the targets that run once for a statement or a command.
#pragma once
#include "pch/pch_core.h"
