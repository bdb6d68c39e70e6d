#pragma once
#include <randomx.h>
