// Precompiled header of the test programs.
#pragma once
#include "pch/pch_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
