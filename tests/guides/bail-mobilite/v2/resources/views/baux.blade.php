{{ $baux }} baux mobilité, le dernier est {{ $dernier }}
