<?php
namespace Ops\Bail;
class Reference
{
    public static function de(int $mission): string
    {
        return sprintf('BM-%08d', $mission);
    }
}
